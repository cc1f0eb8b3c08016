/** How far the reading of a path is behind. */
export type FileLag = {
  readonly path: string;
  readonly bytes: number;
  /** Since it was last read to its end. */
  readonly seconds: number;
  /** Since anything was read of it. */
  readonly unreadSeconds: number;
};

/** What there is to read of one of the files of a path. Times are monotonic. */
export type Unread = {
  readonly bytes: number;
  readonly caughtUpAtMs: number;
  readonly readAtMs: number;
};

/** Of all files of a path; those without anything to read have no part in it. */
export function lagOf(path: string, files: readonly Unread[], monotonicMs: number): FileLag {
  const behind = files.filter(({ bytes }) => bytes > 0);
  const longest = (times: readonly number[]) =>
    Math.max(0, ...times.map((timeMs) => (monotonicMs - timeMs) / 1000));
  return {
    path,
    bytes: behind.reduce((sum, { bytes }) => sum + bytes, 0),
    seconds: longest(behind.map(({ caughtUpAtMs }) => caughtUpAtMs)),
    unreadSeconds: longest(behind.map(({ readAtMs }) => readAtMs)),
  };
}
