#!/usr/bin/env node
import { userInfo } from "node:os";
import { runCli } from "./program.ts";

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

process.exitCode = await runCli(process.argv.slice(2), {
  write: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
  isInteractive: process.stdout.isTTY === true,
  environment: { ...process.env, USER: accountName() },
  nowMs: () => Date.now(),
});

/** Cron and containers often set no USER. */
function accountName(): string {
  try {
    return process.env["USER"] || userInfo().username;
  } catch {
    return ""; // there is no such account in /etc/passwd
  }
}
