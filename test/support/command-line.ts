import { parseArgs } from "node:util";

/** The values of a command's options, as texts. Of `--help` and of wrong ones the process ends. */
export function readOptions<Name extends string>(
  help: string,
  names: readonly Name[],
): { readonly [Option in Name]?: string } {
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: "boolean" as const } } });
    if (values["help"] !== true) return values as { [Option in Name]?: string };
    console.log(help);
  } catch (error) {
    refuse(error instanceof Error ? error.message : String(error), help);
  }
  process.exit(0);
}

/** Ends a command that was called wrongly. */
export function refuse(what: string, help: string): never {
  console.error(`${what}\n\n${help}`);
  process.exit(2);
}

export function wholeNumber(text: string | undefined, otherwise: number, help: string): number {
  const number = text === undefined ? otherwise : Number(text);
  if (!Number.isSafeInteger(number) || number < 0) refuse(`Not a whole number: ${text}`, help);
  return number;
}
