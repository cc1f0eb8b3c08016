import { OperationalError } from "../../shared/errors.ts";

/** How long an aggregator may say nothing although it is its turn. */
type Patience = {
  /** After the hello. */
  readonly welcomeMs: number;
  /** With frames in flight. */
  readonly ackMs: number;
};

/** A slow machine or disk is not to be taken for a dead one. */
export const LONG_PATIENCE: Patience = { welcomeMs: 5000, ackMs: 10_000 };

/** The aggregator says nothing; the connection stands. */
export class SilenceError extends OperationalError {}
