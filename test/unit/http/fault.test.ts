import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { describeFault } from '../../../fhir/http/fault.ts';

test('says the kind of an error and where it happened, without its message', () => {
  const { name, stack } = describeFault(new TypeError('Anna Meier'));
  assert.is(name, 'TypeError');
  assert.ok(stack.length > 0 && stack.every((line) => line.startsWith('at ')), stack.join('\n'));
  assert.not.match(JSON.stringify(stack), /Meier/);
});

test('logs no line of a message, whatever it looks like', () => {
  const { stack } = describeFault(new Error('refused:\n    at Anna Meier (born:1970:01)\n    at home'));
  assert.ok(stack.length > 0);
  assert.not.match(JSON.stringify(stack), /Meier|home/);
});

test('logs no frames of an error whose message was changed after it was made', () => {
  const error = new Error('x\n    at Anna Meier');
  assert.match(error.stack!, /Meier/); // it is made when it is looked at first
  error.message = 'hidden';
  assert.equal(describeFault(error).stack, []);
});

test('describes what is no error', () => {
  assert.equal(describeFault('text'), { name: 'string', stack: [] });
  assert.equal(describeFault(undefined), { name: 'undefined', stack: [] });
});

test.run();
