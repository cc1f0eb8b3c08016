import { isBlank, isLetter, isWordCode } from "./characters.ts";

/** Of text that is no JSON, what lies behind is message. */
const HEAD_MAX = 256;

/** Where a walk over the beginning of a line is. One is used for all lines: nothing is allocated. */
export class LineHead {
  text = "";
  /** Where the line begins, behind syslog's `<PRI>`. */
  start = 0;
  end = 0;
  /** Behind the line's time; -1 before it was found. */
  timeEnd = -1;
  /** Behind the last ANSI escape, where a word may begin. */
  escapeEnd = -1;
  /** Words of prose so far: after some of them it is the message. */
  prose = 0;

  open(text: string): void {
    this.text = text;
    this.start = 0;
    this.end = Math.min(text.length, HEAD_MAX);
    this.timeEnd = this.escapeEnd = -1;
    this.prose = 0;
  }

  skipBlanks(start: number): number {
    let at = start;
    while (at < this.end && isBlank(this.text.charCodeAt(at))) at += 1;
    return at;
  }

  /** Behind letters, digits and `_`. */
  wordEnd(start: number): number {
    let at = start;
    while (at < this.end && isWordCode(this.text.charCodeAt(at))) at += 1;
    return at;
  }

  lettersEnd(start: number): number {
    let at = start;
    while (at < this.end && isLetter(this.text.charCodeAt(at))) at += 1;
    return at;
  }

  /** Passes a colour such as `ESC [ 31 m`. */
  skipEscape(start: number): number {
    let at = start + 1;
    while (at < this.end && !isLetter(this.text.charCodeAt(at))) at += 1;
    this.escapeEnd = at + 1;
    return this.escapeEnd;
  }
}
