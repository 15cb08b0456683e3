// Which addresses a pod reaches: node reach.mjs '[{"name","host","port"}]' prints {name: open | refused | closed}.
import { connect } from 'node:net';

const LIMIT_MS = 1500;

// "refused" is an answer of the other end: the way is open, and nobody listens.
const reach = ({ host, port }) =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const done = (what) => {
      socket.destroy();
      resolve(what);
    };
    socket.setTimeout(LIMIT_MS, () => done('closed'));
    socket.on('connect', () => done('open'));
    socket.on('error', ({ code }) => done(code === 'ECONNREFUSED' || code === 'ECONNRESET' ? 'refused' : 'closed'));
  });

const targets = JSON.parse(process.argv.at(-1));
const seen = await Promise.all(targets.map(reach));
console.log(JSON.stringify(Object.fromEntries(targets.map(({ name }, i) => [name, seen[i]]))));
process.exit(0);
