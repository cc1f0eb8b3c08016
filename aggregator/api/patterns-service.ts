import type { Logger } from "../../shared/platform/ports.ts";
import type { LogsHandlers } from "../../shared/wire/generated/telltale/v1/Logs.ts";
import { answer } from "../../shared/wire/grpc-answer.ts";
import type { PatternsApi } from "./patterns-api.ts";
import { queryStatus, runOptions } from "./query-service.ts";

/** The method Patterns of the gRPC service telltale.v1.Logs. */
export function patternsHandler(api: PatternsApi, logger: Logger): LogsHandlers["Patterns"] {
  return answer(
    async (request, call) => {
      const { rows, patterns, lines, startMs, stepMs } = await api.list(
        request,
        runOptions(call, api.nowMs()),
      );
      return {
        patterns: rows.map((row) => ({ ...row, counts: [...row.counts] })),
        patternCount: patterns,
        lineCount: lines,
        startMs,
        stepMs,
      };
    },
    logger,
    queryStatus,
  );
}
