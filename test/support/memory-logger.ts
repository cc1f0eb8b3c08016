import type { Logger } from "../../shared/platform/ports.ts";

export type LogLine = {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: object;
  readonly message: string;
};

/** Keeps what was logged. */
export class MemoryLogger implements Logger {
  readonly lines: LogLine[] = [];

  readonly debug = this.#keep("debug");
  readonly info = this.#keep("info");
  readonly warn = this.#keep("warn");
  readonly error = this.#keep("error");

  /** The messages of one level, or of all. */
  messages(level?: LogLine["level"]): string[] {
    return this.lines
      .filter((line) => level === undefined || line.level === level)
      .map((line) => line.message);
  }

  #keep(level: LogLine["level"]) {
    return (fields: object, message: string) => void this.lines.push({ level, fields, message });
  }
}
