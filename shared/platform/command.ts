import type { Override } from "../config/load-config.ts";
import { OperationalError } from "../errors.ts";

/** Exit codes of every command. */
export const EXIT_USAGE = 2;

/** The flags that were given, of those that stand for one setting each. */
export function flagOverrides(
  options: Readonly<Record<string, unknown>>,
  paths: Readonly<Record<string, readonly string[]>>,
): Override[] {
  const overrides: Override[] = [];
  for (const [option, path] of Object.entries(paths)) {
    const value = options[option];
    if (value === undefined) continue;
    const source = `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    overrides.push({ source, path, text: String(value) });
  }
  return overrides;
}

/** Runs a daemon until SIGINT or SIGTERM; a second signal ends it at once. */
export async function runUntilSignal(start: () => Promise<AsyncDisposable>): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) {
      process.once(name, () => {
        resolve();
        process.once(name, () => process.exit(130));
      });
    }
  });
  const daemon = await start();
  await stopped;
  await daemon[Symbol.asyncDispose]();
}

/**
 * From this call on SIGHUP asks for a reload. One that comes while the program still starts is made
 * up for once somebody listens; Node would end the program.
 */
export function reloadSignal(): (reload: () => Promise<void>) => Disposable {
  let isAsked = false;
  let listener: (() => Promise<void>) | null = null;
  process.on("SIGHUP", () => {
    if (listener === null) isAsked = true;
    else void listener();
  });
  return (reload) => {
    listener = reload;
    if (isAsked) void reload();
    return {
      [Symbol.dispose]: () => {
        listener = null;
      },
    };
  };
}

/** Prints what is expected to go wrong and sets the exit code; anything else is a bug and thrown. */
export function reportFailure(program: string, error: unknown): void {
  if (!(error instanceof OperationalError)) throw error;
  for (const line of error.message.split("\n")) process.stderr.write(`${program}: ${line}\n`);
  process.exitCode = EXIT_USAGE;
}
