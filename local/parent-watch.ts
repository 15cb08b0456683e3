/**
 * Calls back once when the npm that runs this script is gone: killed without a word, or killed together with nobody but itself. Without
 * npm in between nothing is watched, since a script that is started in the background outlives whoever started it.
 */
export const onNpmGone = (callback: () => void): void => {
  if (process.env['npm_lifecycle_event'] === undefined) return;
  const npm = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(timer);
    callback();
  }, 500);
  timer.unref();
};
