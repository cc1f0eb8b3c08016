/** Remarks on a result: `warnings` say it may be wrong, `infos` that it may not be what was meant. */
export class Remarks {
  readonly warnings = new Set<string>();
  readonly infos = new Set<string>();

  warn(place: string, text: string): void {
    this.warnings.add(`${place}: ${text}`);
  }

  inform(place: string, text: string): void {
    this.infos.add(`${place}: ${text}`);
  }
}
