import { latin1Text, type TextLine } from "./text-line.ts";

/** Of base64 in RFC 7468, only the last line may be shorter; most writers take 64. */
const BODY = /^[A-Za-z0-9+/]{40,}={0,2}$/;
const BODY_END = /^[A-Za-z0-9+/]{1,80}={0,2}$|^=[A-Za-z0-9+/]{4}$/;
const HEADER = /^(?:Proc-Type|DEK-Info|Version|Comment|Hash): |^$/;
const END = /^-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----\s*$/;
const LINE_BYTES_MAX = 1024;
const LINES_MAX = 500;

/** The lines behind `-----BEGIN … PRIVATE KEY-----` that belong to the key. */
export class KeyBlock {
  #lines = 0;
  #isOpen = false;
  #isInBody = false;
  #isAtEnd = false;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(): void {
    this.#lines = 0;
    this.#isOpen = true;
    this.#isInBody = false;
    this.#isAtEnd = false;
  }

  /** Whether the line is a part of the key; the first that is not, and its last one, end it. */
  takes({ bytes, start, end }: TextLine): boolean {
    this.#lines += 1;
    const isLong = end - start > LINE_BYTES_MAX || this.#lines > LINES_MAX;
    const text = isLong ? "-" : latin1Text(bytes, start, end).trim();
    if (END.test(text)) {
      this.#isOpen = false;
      return true;
    }
    this.#isOpen = this.#isPart(text);
    return this.#isOpen;
  }

  #isPart(text: string): boolean {
    if (this.#isAtEnd) return /^=[A-Za-z0-9+/]{4}$/.test(text); // a checksum of OpenPGP
    if (BODY.test(text)) {
      this.#isInBody = true;
      return true;
    }
    if (!this.#isInBody) return HEADER.test(text);
    this.#isAtEnd = true;
    return BODY_END.test(text);
  }
}
