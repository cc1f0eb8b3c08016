import { OperationalError } from "../../shared/errors.ts";

/** How long an aggregator may say nothing although it is its turn. */
export type Patience = {
  /** After the hello. */
  readonly welcomeMs: number;
  /** With frames in flight. */
  readonly ackMs: number;
};

/** With nowhere else to go: a slow machine or disk is not to be taken for a dead one. */
export const LONG_PATIENCE: Patience = { welcomeMs: 5000, ackMs: 10_000 };
/** With another at hand: data that is made each second is there within 3 s. */
export const SHORT_PATIENCE: Patience = { welcomeMs: 1500, ackMs: 1250 };

/** The aggregator says nothing; the connection stands. */
export class SilenceError extends OperationalError {}
