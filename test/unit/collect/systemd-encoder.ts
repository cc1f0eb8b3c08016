/** The peer's side of the D-Bus wire format, in either byte order. */

/** Of a type; structures, dictionary entries and arrays are lists, a variant is [signature, value]. */
export type Plain = string | number | bigint | boolean | readonly Plain[];

export type SentMessage = {
  /** 2: an answer, 3: an error, 4: a signal. */
  readonly kind: number;
  readonly replyTo: number;
  readonly signature: string;
  readonly body: readonly Plain[];
  readonly errorName?: string;
};

/** Of a type, which is the size of a number, too. */
function alignmentOf(type = ""): number {
  if ("ygv".includes(type)) return 1;
  if ("nq".includes(type)) return 2;
  return "xtd({".includes(type) ? 8 : 4;
}

export class BusEncoder {
  readonly bytes: number[] = [];
  readonly #isLittle: boolean;

  constructor(isLittle: boolean) {
    this.#isLittle = isLittle;
  }

  values(signature: string, values: readonly Plain[]): void {
    let at = 0;
    for (const value of values) at = this.value(signature, at, value);
  }

  /** Where the type ends. */
  value(signature: string, at: number, value: Plain): number {
    const type = signature[at] ?? "";
    this.align(alignmentOf(type));
    if (type === "a") return this.#array(signature, at, value as readonly Plain[]);
    if (type === "(" || type === "{") {
      let next = at + 1;
      for (const member of value as readonly Plain[]) next = this.value(signature, next, member);
      return next + 1;
    }
    if (type === "v") {
      const [inner = "", content = ""] = value as readonly [string, Plain];
      this.value("g", 0, inner);
      this.value(inner, 0, content);
    } else if (type === "s" || type === "o" || type === "g") {
      const text = Buffer.from(value as string);
      this.#number(type === "g" ? 1 : 4, BigInt(text.length));
      this.bytes.push(...text, 0);
    } else if (type === "d") {
      const double = new DataView(new ArrayBuffer(8));
      double.setFloat64(0, value as number, this.#isLittle);
      this.bytes.push(...new Uint8Array(double.buffer));
    } else {
      this.#number(alignmentOf(type), BigInt(value as number | bigint | boolean));
    }
    return at + 1;
  }

  align(alignment: number): void {
    while (this.bytes.length % alignment !== 0) this.bytes.push(0);
  }

  #array(signature: string, at: number, items: readonly Plain[]): number {
    const lengthAt = this.bytes.length;
    this.#number(4, 0n);
    this.align(alignmentOf(signature[at + 1]));
    const start = this.bytes.length;
    for (const item of items) this.value(signature, at + 1, item);
    const length = new BusEncoder(this.#isLittle);
    length.#number(4, BigInt(this.bytes.length - start));
    this.bytes.splice(lengthAt, 4, ...length.bytes);
    return skipType(signature, at + 1);
  }

  #number(size: number, value: bigint): void {
    const whole = new DataView(new ArrayBuffer(8));
    whole.setBigUint64(0, value, this.#isLittle);
    const bytes = new Uint8Array(whole.buffer);
    this.bytes.push(...(this.#isLittle ? bytes.subarray(0, size) : bytes.subarray(-size)));
  }
}

function skipType(signature: string, at: number): number {
  const type = signature[at];
  if (type === "a") return skipType(signature, at + 1);
  if (type !== "(" && type !== "{") return at + 1;
  let next = at + 1;
  while (signature[next] !== ")" && signature[next] !== "}") next = skipType(signature, next);
  return next + 1;
}

export function encodeMessage(message: SentMessage, isLittle: boolean): Buffer {
  const body = new BusEncoder(isLittle);
  body.values(message.signature, message.body);
  const fields: Plain[] = [[5, ["u", message.replyTo]]];
  if (message.signature !== "") fields.push([8, ["g", message.signature]]);
  if (message.errorName !== undefined) fields.push([4, ["s", message.errorName]]);
  const header = new BusEncoder(isLittle);
  const order = (isLittle ? "l" : "B").charCodeAt(0);
  header.values("yyyyuua(yv)", [order, message.kind, 0, 1, body.bytes.length, 1, fields]);
  header.align(8);
  return Buffer.from([...header.bytes, ...body.bytes]);
}
