import type { Signature } from "./signature.ts";
import { CLASS_OF, FILTERED_LENGTH_MIN, hashOf, isHexOnly } from "./tokens.ts";

/** What some tokens are like. Without any, `lengthMax` is 0. */
class TokenRange {
  /** Classes of the characters of all of them. */
  classes = 0;
  lengthMin = 0xffff;
  lengthMax = 0;

  add(classes: number, length: number): void {
    this.classes |= classes;
    if (length < this.lengthMin) this.lengthMin = length;
    if (length > this.lengthMax) this.lengthMax = length;
  }

  merge({ classes, lengthMin, lengthMax }: TokenRange): void {
    this.classes |= classes;
    this.lengthMin = Math.min(this.lengthMin, lengthMin);
    this.lengthMax = Math.max(this.lengthMax, lengthMax);
  }
}

/** What the tokens of some texts are like, and their hashes: enough to say which cannot be among them. */
export class TokenSummary {
  /** Of those that are nothing but hexadecimal digits, numbers among them. */
  readonly hex = new TokenRange();
  readonly others = new TokenRange();
  /** Of tokens that a filter takes. */
  readonly hashes = new Set<number>();

  /** @param signature gets the others: numbers and ids would fill it */
  add(text: string, signature: Signature): void {
    for (let i = 0; i < text.length; ) {
      let bits = CLASS_OF[text.charCodeAt(i)] ?? 0;
      if (bits === 0) {
        i += 1;
        continue;
      }
      const start = i;
      for (; i < text.length; i += 1) {
        const one = CLASS_OF[text.charCodeAt(i)] ?? 0;
        if (one === 0) break;
        bits |= one;
      }
      if (isHexOnly(bits)) {
        this.hex.add(bits, i - start);
      } else {
        this.others.add(bits, i - start);
        signature.addToken(text, start, i);
      }
      if (i - start >= FILTERED_LENGTH_MIN) this.hashes.add(hashOf(text, start, i));
    }
  }

  merge(other: TokenSummary): void {
    this.hex.merge(other.hex);
    this.others.merge(other.others);
    for (const hash of other.hashes) this.hashes.add(hash);
  }
}
