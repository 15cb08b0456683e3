/** What R4 says of values in words, and of codes by the definitions; $validate alone tells of it. Source: http://hl7.org/fhir/R4/datatypes.html */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Registry } from '../definitions/registry.ts';
import { isObject, type Json } from '../json/value.ts';
import { canonicalUnit, UCUM } from '../search/ucum.ts';
import { codeIndex } from '../terminology/code-system.ts';
import type { TerminologySource } from '../terminology/resources.ts';
import { type Findings, shown } from './findings.ts';
import type { ItemCheck } from './profile/item.ts';
import { compileProfileBinding } from './profile/profile-binding.ts';
import { isAbsolute } from './reference.ts';
import { definedPath, type Step } from './typed-walk.ts';

const EXTENSIBLE_FILE = new URL('../definitions/data/r4-extensible.json', import.meta.url);
/** HL7 goes on adding codes to these: what R4 has of them isn't all. */
const PUBLISHED_LATER = 'http://terminology.hl7.org/';
const URIS = 'urn:ietf:rfc:3986';
const QUANTITIES: ReadonlySet<string> = new Set(['Quantity', 'Age', 'Count', 'Distance', 'Duration']);

const plain = (text: string): string => text.trim().replaceAll(/\s+/g, ' ').toLowerCase();

/** A code that its system lacks is an error (of one that R4 has as it was then, a warning), another display than the system's a warning; what isn't loaded as a whole says nothing. */
const checkCoding = ({ system, version, code, display }: Json, findings: Findings, source: TerminologySource): void => {
  if (typeof system !== 'string') return;
  if (!isAbsolute(system)) {
    findings.add('value', `${shown(system)} should be the absolute URI of a code system`, 'system');
    return;
  }
  const known = source.codeSystem(typeof version === 'string' ? `${system}|${version}` : system);
  if (known === undefined) {
    if (source.valueSet(system) !== undefined)
      findings.add('value', `${shown(system)} is a value set: give the code system that the code is of`, 'system');
    return;
  }
  if (known.content === 'supplement')
    findings.add('value', `${shown(system)} is a supplement: give the code system that it adds to`, 'system');
  if (known.content !== 'complete' || typeof code !== 'string') return;
  const node = codeIndex(known).node(code);
  if (node === undefined) {
    const severity = system.startsWith(PUBLISHED_LATER) ? 'warning' : 'error';
    findings.report(severity, 'code-invalid', `${shown(code)} is no code of ${system.slice(0, 200)}`, 'code');
    return;
  }
  const names = [node.concept.display, ...(node.concept.designation ?? []).map(({ value }) => value)].flatMap((name) => name ?? []);
  if (typeof display !== 'string' || names.length === 0 || names.some((name) => plain(name) === plain(display))) return;
  findings.report('warning', 'value', `${shown(code)} is called ${shown(names[0])} in its system, not ${shown(display)}`, 'display');
};

const checkQuantity = ({ system, code }: Json, findings: Findings): void => {
  if (system === UCUM && typeof code === 'string' && canonicalUnit(code) === undefined)
    findings.report('warning', 'code-invalid', `${shown(code)} is no unit of UCUM`, 'code');
};

const checkAttachment = ({ data, size, hash }: Json, findings: Findings): void => {
  if (typeof data !== 'string' || (size === undefined && hash === undefined)) return;
  const bytes = Buffer.from(data, 'base64');
  if (typeof size === 'number' && size !== bytes.length) findings.add('value', `the data has ${bytes.length} bytes, not ${size}`, 'size');
  if (typeof hash === 'string' && !createHash('sha1').update(bytes).digest().equals(Buffer.from(hash, 'base64')))
    findings.add('value', 'it is not the SHA-1 hash of the data, in base64', 'hash');
};

const checkIdentifier = ({ system, value }: Json, findings: Findings): void => {
  if (system === URIS && typeof value === 'string' && !isAbsolute(value))
    findings.add('value', `${shown(value)} should be a whole URI, as its system ${URIS} says`, 'value');
};

/** The rules of values one by one; to be called for each step of a walk through one resource and what it holds. */
export type ValueRules = (step: Step, findings: Findings) => void;

export const createValueRules = (registry: Registry, source: TerminologySource): (() => ValueRules) => {
  const extensible = JSON.parse(readFileSync(EXTENSIBLE_FILE, 'utf8')) as Readonly<Record<string, string>>;
  const bindings = new Map<string, ItemCheck>();
  const bindingOf = (path: string): ItemCheck | undefined => {
    const valueSet = extensible[path];
    let check = bindings.get(path);
    if (valueSet !== undefined && check === undefined) {
      check = compileProfileBinding({ path, binding: { strength: 'extensible', valueSet } }, { source, by: `R4 at ${path}` });
      if (check !== undefined) bindings.set(path, check);
    }
    return check;
  };

  // A Device has a url too, which nobody refers to it by.
  const isPublished = (owner: Step | undefined): boolean =>
    owner !== undefined && owner.owner === undefined && registry.type(owner.type)?.element.has('publisher') === true;

  return () => {
    const idsOf = new Map<Json, Set<string>>();
    return (step, findings) => {
      const { value, type, owner, element, resource, isSibling } = step;
      if (typeof value === 'string') {
        if (
          ((element?.name === 'url' && isPublished(owner)) || definedPath(step) === 'ValueSet.compose.include.system') &&
          !isAbsolute(value)
        )
          findings.add('value', `${shown(value)} should be an absolute URI: it is what others refer to`);
        else if (type === 'canonical' && !isAbsolute(value) && !value.startsWith('#'))
          findings.report('warning', 'value', `${shown(value)} should be an absolute canonical address, or #id of a contained resource`);
      }
      // Those of ElementDefinitions are paths, the same in snapshot and differential.
      if (isObject(value) && owner !== undefined && type !== 'ElementDefinition' && typeof value['id'] === 'string') {
        let ids = idsOf.get(resource);
        if (ids === undefined) idsOf.set(resource, (ids = new Set()));
        if (ids.has(value['id'])) findings.add('value', `another element has the id ${shown(value['id'])} already`, 'id');
        ids.add(value['id']);
      }
      if (isSibling) return;
      bindingOf(definedPath(step))?.({ value, sibling: undefined, key: '', index: undefined }, findings, {
        resource,
        rootResource: resource,
      });
      if (!isObject(value)) return;
      if (type === 'Coding') checkCoding(value, findings, source);
      else if (QUANTITIES.has(type)) checkQuantity(value, findings);
      else if (type === 'Attachment') checkAttachment(value, findings);
      else if (type === 'Identifier') checkIdentifier(value, findings);
    };
  };
};
