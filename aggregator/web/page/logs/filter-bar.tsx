import { useSignal } from "@preact/signals";
import { words } from "../settings.ts";
import type { FilterOp, LineFilter } from "./log-question.ts";

const TYPED = ["|=", "!=", "|~"] as const satisfies readonly FilterOp[];

type BarProps = {
  filters: readonly LineFilter[];
  onChange: (filters: readonly LineFilter[]) => void;
  /** Gets the focus of the key `/`. */
  isMain?: boolean;
};

/** Texts that lines have, do not have, or match; each is one more condition. */
export function FilterBar({ filters, onChange, isMain = false }: BarProps) {
  const op = useSignal<FilterOp>("|=");
  const typed = useSignal("");
  const { filterOps, lineFilter, addFilter, removeFilter } = words.value;
  const submit = (event: Event) => {
    event.preventDefault();
    if (typed.value === "") return;
    onChange([...filters, { op: op.value, text: typed.value }]);
    typed.value = "";
  };
  return (
    <form class="filter-bar" onSubmit={submit}>
      <select
        aria-label={words.value.filterKind}
        value={op.value}
        onChange={({ currentTarget }) => {
          op.value = currentTarget.value as FilterOp;
        }}
      >
        {TYPED.map((one) => (
          <option key={one} value={one}>
            {filterOps[one]}
          </option>
        ))}
      </select>
      <input
        {...(isMain ? { id: "filter" } : {})}
        type="search"
        placeholder={lineFilter}
        aria-label={lineFilter}
        maxLength={1000}
        value={typed.value}
        onInput={({ currentTarget }) => {
          typed.value = currentTarget.value;
        }}
      />
      <button type="submit" disabled={typed.value === ""}>
        {addFilter}
      </button>
      {filters.map((filter, i) => (
        <span class="chip" key={`${filter.op} ${filter.text}`}>
          <span class="quiet">{filterOps[filter.op]}</span>
          <bdi>{filter.text}</bdi>
          <button
            type="button"
            title={removeFilter}
            aria-label={`${removeFilter}: ${filter.text}`}
            onClick={() => onChange(filters.filter((_, place) => place !== i))}
          >
            ×
          </button>
        </span>
      ))}
    </form>
  );
}
