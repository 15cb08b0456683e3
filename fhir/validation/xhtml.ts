/**
 * The XHTML of a narrative: well-formed, only the elements and attributes that FHIR allows, and something to read (txt-1, txt-2).
 * Source: http://hl7.org/fhir/R4/narrative.html#xhtml
 */

const words = (text: string): string[] => text.split(' ');

const COMMON = words('class dir id lang style title xml:lang xmlns accesskey tabindex xml:space');
const ALIGN = words('align char charoff valign');
const CELL = [...ALIGN, ...words('abbr axis bgcolor colspan headers height nowrap rowspan scope width')];
/** Element → the attributes that it may have besides the common ones. */
const ELEMENTS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    ...Object.fromEntries(
      words('abbr acronym address b bdo big center cite code dfn dt dd em i kbd pre s samp small span strike strong sub sup tt u var').map(
        (name): [string, string[]] => [name, []],
      ),
    ),
    ...Object.fromEntries(words('caption div h1 h2 h3 h4 h5 h6 p').map((name): [string, string[]] => [name, ['align']])),
    ...Object.fromEntries(words('tbody tfoot thead tr').map((name): [string, string[]] => [name, [...ALIGN, 'bgcolor']])),
    ...Object.fromEntries(words('col colgroup').map((name): [string, string[]] => [name, [...ALIGN, 'span', 'width']])),
    ...Object.fromEntries(words('td th').map((name): [string, string[]] => [name, CELL])),
    ...Object.fromEntries(words('blockquote del ins q').map((name): [string, string[]] => [name, ['cite', 'datetime']])),
    ...Object.fromEntries(words('dl ol ul li').map((name): [string, string[]] => [name, ['compact', 'start', 'type', 'value']])),
    a: words('charset coords href hreflang name rel rev shape target type'),
    area: words('alt coords href nohref shape target'),
    br: ['clear'],
    font: ['color', 'face', 'size'],
    hr: ['align', 'noshade', 'size', 'width'],
    img: words('align alt border height hspace ismap longdesc name src usemap vspace width'),
    map: ['name'],
    table: words('align bgcolor border cellpadding cellspacing frame rules summary width'),
  }).map(([name, own]) => [name, new Set([...COMMON, ...own])]),
);
const NAMESPACE = 'http://www.w3.org/1999/xhtml';
/** Addresses that run what they hold where a reader follows them; a picture runs nothing. */
const ACTIVE = /^(?:javascript|vbscript):/i;
const ACTIVE_LINK = /^(?:javascript:|vbscript:|data:[^,;]*(?:\/html|[/+]xml))/i;

const NAME = /[A-Za-z][\w:.-]*/y;
const ATTRIBUTE = /\s+([A-Za-z_][\w:.-]*)\s*=\s*("[^"<]*"|'[^'<]*')/y;
const TAG_END = /\s*(\/?)>/y;
// The five entities of XML and characters by number; HTML's own, such as &nbsp;, are none in XML.
const BAD_ENTITY = /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)/;
const MAX_DEPTH = 100;

const read = (pattern: RegExp, text: string, from: number): RegExpExecArray | null => {
  pattern.lastIndex = from;
  return pattern.exec(text);
};

/** What is wrong with the text as the `div` of a narrative; undefined where nothing is. */
export const xhtmlFault = (text: string): string | undefined => {
  const open: string[] = [];
  let hasContent = false;
  let position = text.length - text.trimStart().length;
  if (!text.startsWith('<div', position))
    return 'a narrative is one <div>: put the text into <div xmlns="http://www.w3.org/1999/xhtml">…</div>';
  const end = text.trimEnd().length;
  while (position < end) {
    const next = text.indexOf('<', position);
    const content = text.slice(position, next === -1 ? end : next);
    if (open.length === 0 && position > 0 && content.trim() !== '') return 'there is text outside of the <div>: move it inside';
    if (content !== '' && content.trim() !== '') {
      hasContent = true;
      const entity = content.includes('&') && BAD_ENTITY.test(content);
      if (entity) return 'an & begins an entity that XML does not have: write the character itself, and &amp; for &';
    }
    if (next === -1) break;
    if (text.startsWith('<!--', next)) {
      const close = text.indexOf('-->', next + 4);
      if (close === -1) return 'a comment is not closed';
      const comment = text.slice(next + 4, close);
      // XML has no -- in a comment; HTML ends one there, or at a > that begins it, and would take the rest for elements.
      if (/^-?>|--|-$/.test(comment)) return 'a comment holds --, begins with > or ends with -: leave it out';
      position = close + 3;
      continue;
    }
    const isClosing = text.charCodeAt(next + 1) === 47;
    const start = next + (isClosing ? 2 : 1);
    const name = read(NAME, text, start)?.[0];
    if (name === undefined) return 'a < begins no element: write it as &lt;, and leave out declarations and CDATA';
    if (isClosing) {
      const tagEnd = read(TAG_END, text, start + name.length);
      if (tagEnd === null || tagEnd[1] === '/') return `the tag </${name}> is not closed`;
      const expected = open.pop();
      if (expected !== name) return `</${name}> stands where ${expected === undefined ? 'nothing is open' : `</${expected}> should`}`;
      position = start + name.length + tagEnd[0].length;
      if (open.length === 0 && position < end) return 'there is something after the </div>: a narrative is one <div>';
      continue;
    }
    const allowed = ELEMENTS.get(name);
    if (allowed === undefined) return `<${name.slice(0, 40)}> is no element that a narrative may hold (txt-1): leave it out`;
    position = start + name.length;
    for (let found = read(ATTRIBUTE, text, position); found !== null; found = read(ATTRIBUTE, text, position)) {
      const fault = attributeFault(name, allowed, found[1]!, found[2]!.slice(1, -1));
      if (fault !== undefined) return fault;
      position += found[0].length;
    }
    const tagEnd = read(TAG_END, text, position);
    if (tagEnd === null) return `the tag <${name}> is malformed: an attribute is name="value", the end is > or />`;
    position += tagEnd[0].length;
    if (name === 'img') hasContent = true;
    if (tagEnd[1] === '') open.push(name);
    if (open.length > MAX_DEPTH) return `elements are nested deeper than ${MAX_DEPTH} levels: flatten them`;
  }
  if (open.length > 0) return `<${open.at(-1)}> is not closed`;
  return hasContent ? undefined : 'a narrative holds text or an image (txt-2): leave it out, or fill it';
};

/** Whether the `div` of a narrative that is right otherwise says which namespace it is of. Source: http://hl7.org/fhir/R4/narrative.html#xhtml */
export const namesNamespace = (div: string): boolean => /^\s*<div\b[^>]*\sxmlns\s*=/.test(div);

/** The address that a browser makes of an attribute: characters by number are themselves, and controls and white space are left out. */
const addressOf = (value: string): string => {
  const characters = value.replaceAll(/&#(?:x([0-9a-f]{1,6})|(\d{1,7}));/gi, (_, hex?: string, decimal?: string) => {
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : '';
  });
  return characters.replaceAll(/[^!-\u{10ffff}]/gu, '');
};

const attributeFault = (element: string, allowed: ReadonlySet<string>, name: string, value: string): string | undefined => {
  if (!allowed.has(name))
    return `the attribute ${name.slice(0, 40)} is none that <${element}> may have in a narrative (txt-1): leave it out`;
  if (value.includes('&') && BAD_ENTITY.test(value)) return `the attribute ${name} of <${element}> holds a bare &: write it as &amp;`;
  if (name === 'xmlns' && value !== NAMESPACE) return `the namespace of a narrative is ${NAMESPACE}`;
  if ((name === 'href' || name === 'src') && (name === 'href' ? ACTIVE_LINK : ACTIVE).test(addressOf(value)))
    return `${name} of <${element}> holds a script: leave it out`;
  return undefined;
};
