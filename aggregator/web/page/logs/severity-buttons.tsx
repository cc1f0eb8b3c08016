import { formatNumber } from "../format.ts";
import { locale, words } from "../settings.ts";
import type { Bars } from "./histogram-bars.ts";
import { SEVERITIES, type Severity } from "./severities.ts";

type ButtonsProps = {
  bars: Bars | null;
  chosen: readonly Severity[];
  onChange: (chosen: readonly Severity[]) => void;
};

/** Severities with the lines that they have; none pressed means all. */
export function SeverityButtons({ bars, chosen, onChange }: ButtonsProps) {
  return (
    <div class="severities" role="group" aria-label={words.value.severity}>
      {SEVERITIES.map((severity) => {
        const isChosen = chosen.includes(severity);
        const count = bars?.totals[severity] ?? 0;
        return (
          <button
            type="button"
            key={severity}
            aria-pressed={isChosen}
            class={count === 0 && !isChosen ? "none" : ""}
            onClick={() => {
              const others = chosen.filter((one) => one !== severity);
              onChange(isChosen ? others : [...chosen, severity]);
            }}
          >
            <span class={`swatch severity-${severity}`} aria-hidden="true" />
            {words.value.severities[severity]}
            <span class="quiet number">{formatNumber(locale.value, count)}</span>
          </button>
        );
      })}
    </div>
  );
}
