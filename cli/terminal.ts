/** Where a command runs: all it knows of the process. */
export type Terminal = {
  /** To standard output. */
  write(text: string): void;
  /** To standard error. */
  writeError(text: string): void;
  /** Whether a person looks at standard output. */
  readonly isInteractive: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  nowMs(): number;
};

export type Color = "red" | "yellow" | "green" | "dim" | "bold";

const CODES: Record<Color, number> = { red: 31, yellow: 33, green: 32, dim: 2, bold: 1 };

export type Paint = (text: string, color: Color | null) => string;

/** Colours for a person who did not ask for none (no-color.org). */
export function paintFor({ isInteractive, environment }: Terminal): Paint {
  const noColor = environment["NO_COLOR"] ?? "";
  if (!isInteractive || noColor !== "" || environment["TERM"] === "dumb") return (text) => text;
  return (text, color) => (color === null ? text : `\u001b[${CODES[color]}m${text}\u001b[0m`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A label or a message may hold what a terminal would obey; shown instead of sent. */
export function printable(text: string): string {
  return text.replace(CONTROL, (char) => {
    if (char === "\n") return "\\n";
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
