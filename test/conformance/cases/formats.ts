import { type Area, one, refuses } from '../case.ts';

const XML = 'application/fhir+xml';
const patientXml =
  '<Patient xmlns="http://hl7.org/fhir"><id value="fx1"/><text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">p</div></text><active value="true"/><name><family value="Xml"/><given value="A"/><given value="B"/></name><birthDate value="1970-01-01"/></Patient>';

export const formats: Area = {
  area: 'formats',
  spec: 'http://hl7.org/fhir/R4/http.html#mime-type',
  given: [{ resourceType: 'Patient', id: 'f1', active: true, name: [{ family: 'Format', _family: { id: 'a' } }] }],
  cases: [
    {
      name: 'the content of a Binary is sent and read as it is, unless a format of FHIR is named',
      steps: [
        {
          send: 'PUT /Binary/fm-content',
          headers: { 'content-type': 'text/csv', 'x-security-context': 'Patient/p1' },
          body: 'a;b',
          expect: { status: 201, has: { resourceType: 'Binary', contentType: 'text/csv', data: 'YTti' } },
        },
        {
          send: 'GET /Binary/fm-content',
          headers: { accept: '*/*' },
          expect: { status: 200, headers: { 'content-type': 'text/csv', 'x-security-context': 'Patient/p1' }, text: /^a;b$/ },
        },
        { send: 'GET /Binary/fm-content/_history/1', headers: { accept: 'text/csv' }, expect: { status: 200, text: /^a;b$/ } },
        {
          send: 'GET /Binary/fm-content',
          headers: { accept: 'application/fhir+json' },
          expect: { status: 200, has: { 'securityContext.reference': 'Patient/p1', data: 'YTti' } },
        },
        {
          send: 'POST /Binary',
          headers: { 'content-type': 'text/html' },
          body: '<p>x</p>',
          expect: { status: 201, has: { contentType: 'text/html' } },
        },
        {
          send: 'GET /Binary/fm-nobody',
          headers: { accept: 'text/csv' },
          expect: { status: 404, has: { resourceType: 'OperationOutcome' } },
        },
      ],
    },
    one('JSON without being asked', { send: 'GET /Patient/f1', expect: { headers: { 'content-type': /^application\/fhir\+json/ } } }),
    ...[
      'application/fhir+json',
      'application/json',
      'application/fhir+json; fhirVersion=4.0',
      '*/*',
      'text/html, application/fhir+json;q=0.5',
    ].map((accept) => one(`Accept: ${accept}`, { send: 'GET /Patient/f1', headers: { accept }, expect: { status: 200 } })),
    ...['json', 'application/json', 'application/fhir%2Bjson', 'application/fhir+json'].map((format) =>
      one(`_format=${format}`, {
        send: `GET /Patient/f1?_format=${format}`,
        headers: { accept: 'text/html' },
        expect: { status: 200, headers: { 'content-type': /json/ }, has: { id: 'f1' } },
      }),
    ),
    refuses('an Accept that nothing serves', 'GET /Patient/f1', 406, { headers: { accept: 'image/png' } }),
    refuses('a _format that is none', 'GET /Patient/f1?_format=image/png', [400, 406]),
    refuses('a Content-Type that is none of FHIR', 'POST /Patient', 415, { headers: { 'content-type': 'text/csv' }, body: 'a,b' }),
    one('_pretty=true', { send: 'GET /Patient/f1?_pretty=true', expect: { status: 200, has: { id: 'f1' }, text: /\n/ } }),
    {
      name: 'numbers, escapes and what is beside primitives stay as they were sent',
      steps: [
        {
          send: 'PUT /Observation/f2',
          body: '{"resourceType":"Observation","id":"f2","status":"final","code":{"text":"\\u00b5 \\ud83d\\ude00"},"valueQuantity":{"value":1.10},"_effectiveDateTime":{"extension":[{"url":"urn:x","valueDecimal":0.000000000000000000000012340}]},"component":[{"code":{"text":"big"},"valueQuantity":{"value":123456789012345678901234567890.12}}]}',
          expect: { status: 201 },
        },
        {
          send: 'GET /Observation/f2',
          expect: {
            status: 200,
            text: /"value":\s*1\.10[^0-9](?=[^]*0\.000000000000000000000012340[^0-9])(?=[^]*123456789012345678901234567890\.12[^0-9])/,
          },
        },
      ],
    },
    one('XML when asked by Accept', {
      send: 'GET /Patient/f1',
      headers: { accept: XML },
      expect: {
        status: 200,
        headers: { 'content-type': /fhir\+xml/ },
        text: /<Patient xmlns="http:\/\/hl7\.org\/fhir">[^]*<active value="true"\s*\/>/,
      },
    }),
    one('XML when asked by _format', {
      send: 'GET /Patient/f1?_format=xml',
      expect: { status: 200, headers: { 'content-type': /xml/ }, text: /<Patient/ },
    }),
    {
      name: 'XML is stored, and read back in both forms',
      steps: [
        {
          send: 'PUT /Patient/fx1',
          headers: { 'content-type': XML, accept: XML },
          body: patientXml,
          expect: { status: 201, headers: { 'content-type': /xml/ } },
        },
        {
          send: 'GET /Patient/fx1',
          expect: {
            status: 200,
            has: {
              active: true,
              'name.0.given.1': 'B',
              birthDate: '1970-01-01',
              'text.div': /^<div xmlns="http:\/\/www\.w3\.org\/1999\/xhtml">p<\/div>$/,
            },
          },
        },
        { send: 'GET /Patient/fx1', headers: { accept: XML }, expect: { text: /<given value="A"\s*\/>\s*<given value="B"\s*\/>/ } },
      ],
    },
    one('a search in XML', {
      send: 'GET /Patient?_id=f1&_format=xml',
      expect: { status: 200, text: /<Bundle xmlns="http:\/\/hl7\.org\/fhir">[^]*<mode value="match"/ },
    }),
    one('a refusal in XML', {
      send: 'GET /Patient/never-was',
      headers: { accept: XML },
      expect: { status: 404, text: /<OperationOutcome/ },
    }),
    one('the capabilities in XML', { send: 'GET /metadata?_format=xml', expect: { status: 200, text: /<CapabilityStatement/ } }),
    one('XML that isn’t well-formed', {
      send: 'POST /Patient',
      headers: { 'content-type': XML },
      body: '<Patient xmlns="http://hl7.org/fhir"><active',
      expect: { status: 400 },
    }),
    one('XML with a DOCTYPE', {
      send: 'POST /Patient',
      headers: { 'content-type': XML },
      body: `<!DOCTYPE Patient [<!ENTITY x "y">]>${patientXml}`,
      expect: { status: 400 },
    }),
  ],
};
