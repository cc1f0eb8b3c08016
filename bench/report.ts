export function progress(what: string): void {
  process.stderr.write(`${what} …\n`);
}

/** To three places. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
