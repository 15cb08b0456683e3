import { spawn } from 'node:child_process';

export interface Guardian {
  /** From now on `pid` is stopped with `signal`, should this process die. */
  readonly watch: (pid: number, signal: NodeJS.Signals) => void;
  readonly forget: (pid: number) => void;
  /** When this process has ended, and all that it started, this folder is removed. */
  readonly removeAtEnd: (folder: string) => void;
}

// Reads `+ PID SIGNAL`, `- PID` and `d FOLDER`. Its input ends when we are gone, even by SIGKILL: then it stops whoever is left.
const SCRIPT = `
trap '' INT TERM HUP
list=' '
folder=''
while read -r op pid signal; do
  case $op in
    +) list="$list$pid:$signal " ;;
    -) kept=' '
       for entry in $list; do [ "\${entry%%:*}" = "$pid" ] || kept="$kept$entry "; done
       list=$kept ;;
    d) folder="$pid\${signal:+ $signal}" ;;
  esac
done
for entry in $list; do kill -"\${entry##*:}" "\${entry%%:*}" 2>/dev/null; done
for i in 1 2 3 4 5 6 7 8; do
  left=''
  for entry in $list; do kill -0 "\${entry%%:*}" 2>/dev/null && left=1; done
  [ -n "$left" ] || break
  sleep 1
done
[ -z "$left" ] || for entry in $list; do kill -KILL "\${entry%%:*}" 2>/dev/null; done
[ -z "$folder" ] || rm -rf -- "$folder"
`;

/** A small shell in a session of its own that outlives this process just long enough to stop its children. */
export const createGuardian = (): Guardian => {
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  shell.unref();
  shell.stdin.on('error', () => undefined); // it was killed: then there is no guardian, and nothing else changes
  (shell.stdin as unknown as { unref: () => void }).unref();
  return {
    watch: (pid, signal) => void shell.stdin.write(`+ ${pid} ${signal.slice(3)}\n`),
    forget: (pid) => void shell.stdin.write(`- ${pid}\n`),
    removeAtEnd: (folder) => void shell.stdin.write(`d ${folder}\n`),
  };
};
