/** Source: http://hl7.org/fhir/R4/search.html#token */
import { FhirError } from '../../http/outcome.ts';
import { splitUnescaped, unescapeValue } from './escape.ts';
import type { AddRow, ParameterType } from './parameter.ts';

interface Coding {
  readonly system?: unknown;
  readonly code?: unknown;
}

const addCoding = ({ system, code }: Coding, add: AddRow): void => {
  if (typeof code === 'string') add(code, typeof system === 'string' ? system : null);
};

/** Their system, if any, is fixed by the specification and isn't in the resource: a client may name it or not. */
const WITHOUT_SYSTEM = new Set(['code', 'boolean', 'string', 'id', 'uri', 'canonical', 'url', 'oid', 'uuid', 'markdown', 'ContactPoint']);

export const token: ParameterType = {
  table: 'token',
  datatypes: new Set(['Coding', 'CodeableConcept', 'Identifier', 'Money', ...WITHOUT_SYSTEM]),
  extract: (value, fhirType, add) => {
    switch (fhirType) {
      case 'Coding':
        addCoding(value as Coding, add);
        break;
      case 'CodeableConcept': {
        const { coding } = value as { coding?: unknown };
        if (Array.isArray(coding)) for (const each of coding) addCoding(each as Coding, add);
        break;
      }
      case 'Identifier': {
        const { system, value: code } = value as { system?: unknown; value?: unknown };
        addCoding({ system, code }, add);
        break;
      }
      case 'ContactPoint':
        addCoding({ code: (value as { value?: unknown }).value }, add);
        break;
      case 'Money':
        addCoding({ code: (value as { currency?: unknown }).currency }, add);
        break;
      default:
        if (typeof value === 'string' || typeof value === 'boolean') add(String(value), null);
    }
  },
  condition: (written, { name, value, datatypes }) => {
    const [first, second, third] = splitUnescaped(written, '|').map(unescapeValue);
    if (third !== undefined || (second === undefined ? first === '' : first === '' && second === '')) {
      throw new FhirError('value', `${name}: write a token as code, system|code, |code or system|`, { expression: `http.${name}` });
    }
    const code = (text: string): string => `t.code = hashtextextended(${value(text)}, 0)`;
    const system = (text: string): string => `t.system = hashtext(${value(text)})`;
    if (second === undefined) return code(first!);
    if (datatypes.every((type) => WITHOUT_SYSTEM.has(type))) return second === '' ? 'true' : code(second);
    if (second === '') return system(first!);
    return `${code(second)} and ${first === '' ? 't.system is null' : system(first!)}`;
  },
};
