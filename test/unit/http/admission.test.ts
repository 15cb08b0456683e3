import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Admitted, createAdmission } from '../../../fhir/http/admission.ts';

const MB = 1 << 20;

/** Bodies of so many bytes, each waiting for its turn, and those whose turn has come. */
const enterAll = async (
  admission: ReturnType<typeof createAdmission>,
  sizes: readonly number[],
): Promise<{ readonly all: Admitted[]; readonly working: Set<number>; readonly settle: () => Promise<void> }> => {
  const working = new Set<number>();
  const all = sizes.map((size, i) => {
    const admitted = admission.enter();
    admitted.hold(size);
    void admitted.turn(size).then(() => working.add(i));
    return admitted;
  });
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await settle();
  return { all, working, settle };
};

test('as much is worked on at once as the limit says, in the order of arrival', async () => {
  const { all, working, settle } = await enterAll(createAdmission({ atWork: 2 * MB, present: 64 * MB }), [MB, MB, MB, MB]);
  assert.equal([...working], [0, 1]);
  all[1]!.release();
  await settle();
  assert.equal([...working], [0, 1, 2]);
});

test('one that is larger than the limit is worked on alone', async () => {
  const { all, working, settle } = await enterAll(createAdmission({ atWork: MB, present: 64 * MB }), [MB / 2, 5 * MB, MB / 2]);
  assert.equal([...working], [0]);
  all[0]!.release();
  await settle();
  assert.equal([...working], [0, 1]);
  all[1]!.release();
  await settle();
  assert.equal([...working], [0, 1, 2]);
});

test('a short body waits for nobody', async () => {
  const { working } = await enterAll(createAdmission({ atWork: MB, present: 64 * MB }), [5 * MB, 1000]);
  assert.equal([...working].sort(), [0, 1]);
});

test('more than may be there at once is refused with 503, and taken when others have gone', () => {
  const admission = createAdmission({ atWork: MB, present: 4 * MB });
  const [first, second] = [admission.enter(), admission.enter()];
  first.hold(3 * MB);
  assert.throws(() => second.hold(2 * MB), /too much is being received at once/);
  first.release();
  second.hold(2 * MB);
});

test('one body alone may be as large as its own limit says', () => {
  const alone = createAdmission({ atWork: MB, present: 4 * MB }).enter();
  for (let i = 0; i < 10; i++) alone.hold(MB);
});

test('what is released twice counts once', () => {
  const admission = createAdmission({ atWork: MB, present: 4 * MB });
  const [first, second, third] = [admission.enter(), admission.enter(), admission.enter()];
  first.hold(2 * MB);
  second.hold(2 * MB);
  first.release();
  first.release();
  assert.throws(() => third.hold(3 * MB), /too much/);
});

test.run();
