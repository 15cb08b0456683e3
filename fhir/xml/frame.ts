/** An element of XML that is open, and the JSON that comes of it. */
import { isPrimitive, type Shape, type Slot } from './shape.ts';

/** All elements of one name in their parent, as JSON texts; `undefined` keeps the place of a value or of what is beside it. */
interface Gathered {
  readonly slot: Slot;
  readonly values: (string | undefined)[];
  readonly beside: (string | undefined)[];
}

export interface Frame {
  /** What it is in its parent; undefined for a resource itself. */
  readonly slot: Slot | undefined;
  readonly shape: Shape;
  /** Part of the path, such as `name[1]`; empty for a resource that isn't the outermost. */
  readonly step: string;
  /** How many objects and arrays its JSON lies in. */
  readonly depth: number;
  /** Members from attributes, as JSON texts. */
  readonly attributes: string[];
  readonly gathered: Map<string, Gathered>;
  /** JSON text of a primitive's value, a narrative or a resource. */
  value: string | undefined;
}

export const openFrame = (parent: Frame | undefined, shape: Shape, slot: Slot | undefined): Frame => {
  const place = slot?.repeats === true ? `[${parent?.gathered.get(slot.name)?.values.length ?? 0}]` : '';
  const step = slot === undefined ? (parent === undefined ? shape.type : '') : `${slot.name}${place}`;
  const depth = (parent?.depth ?? 0) + (slot === undefined && parent !== undefined ? 0 : 1) + (slot?.repeats === true ? 1 : 0);
  return { slot, shape, step, depth, attributes: [], gathered: new Map(), value: undefined };
};

/** The object of a frame; undefined where it has nothing. */
const objectOf = ({ attributes, gathered }: Frame): string | undefined => {
  const members = [...attributes];
  for (const { slot, values, beside } of gathered.values()) {
    if (values.some((value) => value !== undefined)) members.push(`"${slot.name}":${listOf(values, slot)}`);
    if (beside.some((value) => value !== undefined)) members.push(`"_${slot.name}":${listOf(beside, slot)}`);
  }
  return members.length === 0 ? undefined : `{${members.join(',')}}`;
};

const listOf = (texts: readonly (string | undefined)[], { repeats }: Slot): string =>
  repeats ? `[${texts.map((text) => text ?? 'null').join(',')}]` : texts[0]!;

/** Puts a frame that is closed into its parent; false where it is empty. */
export const gather = (frame: Frame, parent: Frame): boolean => {
  const { slot } = frame;
  if (slot === undefined) {
    parent.value = resourceText(frame);
    return true;
  }
  const isValue = isPrimitive(slot.form);
  const object = slot.form === 'complex' || isValue ? objectOf(frame) : undefined;
  const value = slot.form === 'complex' ? object : frame.value;
  const beside = isValue ? object : undefined;
  if (value === undefined && beside === undefined) return false;
  let gathered = parent.gathered.get(slot.name);
  if (gathered === undefined) parent.gathered.set(slot.name, (gathered = { slot, values: [], beside: [] }));
  gathered.values.push(value);
  gathered.beside.push(beside);
  return true;
};

export const resourceText = (frame: Frame): string => {
  const object = objectOf(frame);
  const type = `{"resourceType":"${frame.shape.type}"`;
  return object === undefined ? `${type}}` : `${type},${object.slice(1)}`;
};

/** `Bundle.entry[0].resource.name[1]` of the frames that are open. */
export const pathOf = (frames: readonly Frame[]): string =>
  frames
    .map(({ step }) => step)
    .filter((step) => step !== '')
    .join('.');
