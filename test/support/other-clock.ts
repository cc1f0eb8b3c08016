/**
 * A launcher of a program of Node whose clock is ahead by so much, or behind where that is negative.
 * The monotonic clock, timers and the times of files stay the machine's.
 */
export function withClock(aheadMs: number): string[] {
  const script = `const Machine = Date;
    globalThis.Date = class extends Machine {
      constructor(...given) { super(...(given.length > 0 ? given : [Date.now()])); }
      static now() { return Machine.now() + (${aheadMs}); }
    };`;
  return ["env", `NODE_OPTIONS=--import=data:text/javascript,${encodeURIComponent(script)}`];
}
