/** An entry in the journal's export format; values with a newline, or given as bytes, are binary. */
export function exported(fields: Readonly<Record<string, string | Uint8Array>>): Buffer {
  const parts = Object.entries(fields).map(([name, value]) => {
    if (typeof value === "string" && !value.includes("\n"))
      return Buffer.from(`${name}=${value}\n`);
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    return Buffer.concat([Buffer.from(`${name}\n`), length, bytes, Buffer.from("\n")]);
  });
  return Buffer.concat([...parts, Buffer.from("\n")]);
}

export function cursorOf(n: number): string {
  return `s=0123456789abcdef0123456789abcdef;i=${n.toString(16)};b=0;m=0;t=0;x=0`;
}

/** As systemd writes it: one of a service's own, unless the fields say otherwise. */
export function entry(
  n: number,
  message: string | Uint8Array,
  fields: Readonly<Record<string, string>> = {},
): Buffer {
  return exported({
    __CURSOR: cursorOf(n),
    __REALTIME_TIMESTAMP: String(1_796_008_365_000_000 + n * 1000),
    PRIORITY: "6",
    _TRANSPORT: "stdout",
    _SYSTEMD_UNIT: "app.service",
    _PID: "77",
    ...fields,
    MESSAGE: message,
  });
}
