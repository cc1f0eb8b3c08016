import type { SeriesDefinition } from "../shared/model/series-definition.ts";
import type { FrameHeader } from "../shared/wire/frame.ts";
import { readFrameHeader } from "../shared/wire/frame-decoder.ts";
import type { AgentMessage__Output } from "../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { Hello__Output } from "../shared/wire/generated/telltale/v1/Hello.ts";

/** What an agent said, in order, as it left it. */
export type Spoken =
  | { readonly kind: "hello"; readonly hello: Hello__Output }
  | { readonly kind: "series"; readonly epoch: number; readonly series: SeriesDefinition[] }
  | { readonly kind: "frame"; readonly header: FrameHeader; readonly bytes: Uint8Array };

/** A message; empty for one that is about none of the three. */
export function spokenOf({ hello, series, frames }: AgentMessage__Output): Spoken[] {
  if (hello) return [{ kind: "hello", hello }];
  if (series) {
    const definitions = series.series.map(({ id, group, scale, labels }) => {
      return { id, group, scale, labels };
    });
    return [{ kind: "series", epoch: series.epoch, series: definitions }];
  }
  return (frames?.frame ?? []).map((bytes) => {
    return { kind: "frame", header: readFrameHeader(bytes), bytes };
  });
}
