// Here, not of characters.ts: V8 keeps what another module exports out of its code.
const FRAGMENT = 35;
const STAR = 42;
const MINUS = 45;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const NINE = 57;
const SEMICOLON = 59;
const QUERY = 63;
const LETTER_V = 118;
const LOWER = 32;

const SEGMENTS_MAX = 8;
const SEGMENT_MAX = 40;
/** A path of more than this is no page's. */
const PATH_MAX = 2048;
/** Of all segments with a slash before each, and of `/*` behind them. */
const ROUTE_MAX = SEGMENTS_MAX * (SEGMENT_MAX + 1) + 2;

const ID = Buffer.from(":id");
const HASH_FACTOR = 0x01000193;

const EXTENSION_MAX = 5;
const EXTENSIONS =
  "js mjs css map png jpg jpeg gif svg webp avif ico woff woff2 ttf eot otf mp3 mp4 webm pdf zip gz wasm";
/** By extension, what stands for a file. */
const STATIC_FILES = new Map(
  EXTENSIONS.split(" ").map((one) => [one, Buffer.from(`:file.${one}`)]),
);
/** By byte: those that no name of a page has. Blanks and control characters are such. */
const IS_MARK = Uint8Array.from({ length: 256 }, (_, code) => (code <= 32 || code >= 127 ? 1 : 0));
for (const mark of Buffer.from("%@:=+,~!$&'()*")) IS_MARK[mark] = 1;

/**
 * Finds the route of a request: its path with `:id` for each segment that names one thing of many
 * (numbers, UUIDs, hex, long tokens, what is percent-encoded) and `:file.js` for a static file; without
 * the query, path parameters and the last slash. Of a million paths it makes no string: holds the
 * bytes of the last route, all of them ASCII.
 */
export class RouteReader {
  readonly bytes = new Uint8Array(ROUTE_MAX);
  length = 0;

  /** Empty where there is no path. */
  read(bytes: Uint8Array, targetAt: number, targetEnd: number): void {
    this.length = 0;
    const start = pathStart(bytes, targetAt, targetEnd);
    if (start < 0) return;
    const end = pathEnd(bytes, start, targetEnd);
    if (end - start > PATH_MAX) return;
    // The last segment may be a file: each is added when it is known whether it is the last.
    let from = start;
    let to = start;
    let count = 0;
    for (let at = start; at < end; ) {
      const segmentAt = at + 1;
      at = segmentEnd(bytes, segmentAt, end);
      const nameEnd = withoutParameters(bytes, segmentAt, at);
      if (nameEnd === segmentAt) continue;
      if (count > 0) this.#addSegment(bytes, from, to);
      if (count === SEGMENTS_MAX) {
        this.#addByte(SLASH);
        this.#addByte(STAR);
        return;
      }
      from = segmentAt;
      to = nameEnd;
      count += 1;
    }
    if (count === 0) this.#addByte(SLASH);
    else this.#addLast(bytes, from, to);
  }

  /** The route as a string. */
  text(): string {
    return Buffer.from(this.bytes.buffer, 0, this.length).toString("latin1");
  }

  /** 30 bits of the route and a number. */
  hash(number: number): number {
    let hash = number;
    for (let i = 0; i < this.length; i += 1) {
      hash = Math.imul(hash ^ (this.bytes[i] as number), HASH_FACTOR);
    }
    return (hash ^ (hash >>> 15)) & 0x3fffffff;
  }

  equals(route: Uint8Array): boolean {
    if (route.length !== this.length) return false;
    for (let i = 0; i < route.length; i += 1) if (route[i] !== this.bytes[i]) return false;
    return true;
  }

  #addLast(bytes: Uint8Array, start: number, end: number): void {
    const file = STATIC_FILES.get(extensionOf(bytes, start, end));
    if (file === undefined) {
      this.#addSegment(bytes, start, end);
      return;
    }
    this.#addByte(SLASH);
    this.#add(file, 0, file.length);
  }

  #addSegment(bytes: Uint8Array, start: number, end: number): void {
    this.#addByte(SLASH);
    if (isId(bytes, start, end)) this.#add(ID, 0, ID.length);
    else this.#add(bytes, start, end);
  }

  #add(from: Uint8Array, start: number, end: number): void {
    let to = this.length;
    for (let at = start; at < end; at += 1) {
      this.bytes[to] = from[at] as number;
      to += 1;
    }
    this.length = to;
  }

  #addByte(byte: number): void {
    this.bytes[this.length] = byte;
    this.length += 1;
  }
}

/** -1: the target is no path. */
function pathStart(bytes: Uint8Array, start: number, end: number): number {
  if (bytes[start] === SLASH && start < end) return start;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
  const scheme = /^https?:\/\//i.exec(text);
  if (scheme === null) return -1;
  const slash = text.indexOf("/", scheme[0].length);
  return slash < 0 ? end : start + slash;
}

/** Before query and fragment. */
function pathEnd(bytes: Uint8Array, start: number, targetEnd: number): number {
  let end = start;
  while (end < targetEnd && bytes[end] !== QUERY && bytes[end] !== FRAGMENT) end += 1;
  return end;
}

function segmentEnd(bytes: Uint8Array, start: number, pathEnd: number): number {
  let end = start;
  while (end < pathEnd && bytes[end] !== SLASH) end += 1;
  return end;
}

/** Without `;jsessionid=…`. */
function withoutParameters(bytes: Uint8Array, start: number, segmentEnd: number): number {
  let end = start;
  while (end < segmentEnd && bytes[end] !== SEMICOLON) end += 1;
  return end;
}

/** Behind the last full stop, in lower case; "" where it is long, or is the whole segment. */
function extensionOf(bytes: Uint8Array, start: number, end: number): string {
  let extension = "";
  for (let at = end - 1; at > start && at >= end - EXTENSION_MAX - 1; at -= 1) {
    const code = bytes[at] as number;
    if (code === DOT) return extension;
    extension = String.fromCharCode(code).toLowerCase() + extension;
  }
  return "";
}

function isId(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length > SEGMENT_MAX) return true;
  let digits = 0;
  let longest = 0;
  let run = 0;
  let isHex = true;
  for (let at = start; at < end; at += 1) {
    const code = bytes[at] as number;
    if (IS_MARK[code] === 1) return true;
    if (isDigit(code)) {
      digits += 1;
      run += 1;
      if (run > longest) longest = run;
    } else {
      run = 0;
      isHex &&= isHexLetter(code) || code === MINUS;
    }
  }
  if (digits === 0) return false;
  if (longest >= 4 || digits * 2 >= length) return !isVersion(bytes, start, length, digits);
  return (length >= 20 && digits >= 3) || (length >= 8 && digits >= 2 && isHex);
}

function isHexLetter(code: number): boolean {
  const lower = code | LOWER;
  return lower >= 97 && lower <= 102;
}

/** `v1`, `v12`: a part of the route. */
function isVersion(bytes: Uint8Array, start: number, length: number, digits: number): boolean {
  return bytes[start] === LETTER_V && digits === length - 1 && digits <= 2;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}
