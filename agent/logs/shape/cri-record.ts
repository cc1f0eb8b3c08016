import { type RecordReader, streamOf, timeUsAt } from "./container-record.ts";
import { latin1Text, type TextLine } from "./text-line.ts";

const SPACE = 32;
const COLON = 58;
const PARTIAL = 80;
const FULL = 70;
const TIME_BYTES_MAX = 40;
const STREAM_BYTES = 6;

/**
 * `TIME STREAM TAGS TEXT`: tags are parted by colons, and the first is P where the line goes on and F
 * where it ends. Source: Kubernetes' kubelet/cri log format; Podman's k8s-file writes the same.
 */
export class CriReader implements RecordReader {
  isPart = false;
  readonly isRewritten = false;

  begin(): void {
    this.isPart = false; // the text is read where it stands
  }

  read(line: TextLine): boolean {
    const { bytes, start, end } = line;
    const timeEnd = wordEnd(bytes, start, Math.min(end, start + TIME_BYTES_MAX));
    const streamEnd = timeEnd + 1 + STREAM_BYTES;
    const tag = bytes[streamEnd + 1];
    const tagsEnd = streamEnd + 2;
    if (tagsEnd > end || bytes[streamEnd] !== SPACE || (tag !== FULL && tag !== PARTIAL)) {
      return false;
    }
    const timeUs = timeUsAt(bytes, start, timeEnd);
    const stream = streamOf(latin1Text(bytes, timeEnd + 1, streamEnd));
    if (timeUs === null || stream === null) return false;
    const textStart = this.#textStart(line, tagsEnd);
    if (textStart < 0) return false;
    this.isPart = tag === PARTIAL;
    line.timeUs = timeUs;
    line.stream = stream;
    line.start = textStart;
    return true;
  }

  /** Behind further tags and one space; -1: that is not what follows. */
  #textStart({ bytes, end }: TextLine, from: number): number {
    if (from === end) return end;
    if (bytes[from] === SPACE) return from + 1;
    if (bytes[from] !== COLON) return -1;
    const at = wordEnd(bytes, from, end);
    return at === end ? end : at + 1;
  }
}

function wordEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] !== SPACE) at += 1;
  return at;
}
