import { parameters, setParameters } from "../route.ts";
import { words } from "../settings.ts";
import { type Column, columnsText } from "./columns.ts";

type ChoiceProps<Row> = {
  columns: readonly Column<Row>[];
  chosen: readonly Column<Row>[];
};

/** Which columns are shown. */
export function ColumnChoice<Row>({ columns, chosen }: ChoiceProps<Row>) {
  const keys = new Set(chosen.slice(1).map(({ key }) => key));
  const change = (key: string, isShown: boolean) => {
    const next = new Set(keys);
    if (isShown) next.add(key);
    else next.delete(key);
    setParameters({ columns: columnsText(columns, next) });
  };
  return (
    <details class="column-choice">
      <summary>{words.value.tableColumns}</summary>
      <fieldset>
        <legend class="unseen">{words.value.tableColumns}</legend>
        {columns.slice(1).map(({ key, title }) => (
          <label key={key}>
            <input
              type="checkbox"
              checked={keys.has(key)}
              onChange={({ currentTarget }) => change(key, currentTarget.checked)}
            />
            {title}
          </label>
        ))}
      </fieldset>
    </details>
  );
}

/** Where there is no room for heads that can be pressed. */
export function SortChoice<Row>(props: { columns: readonly Column<Row>[]; sorted: string }) {
  const isReversed = parameters.value.get("order") === "reversed";
  return (
    <span class="sort-choice">
      <select
        aria-label={words.value.tableOrder}
        value={props.sorted}
        onChange={({ currentTarget }) => setParameters({ sort: currentTarget.value, order: "" })}
      >
        {props.columns.map(({ key, title }) => (
          <option key={key} value={key}>
            {title}
          </option>
        ))}
      </select>
      <button
        type="button"
        aria-label={words.value.tableReverse}
        aria-pressed={isReversed}
        onClick={() => setParameters({ order: isReversed ? "" : "reversed" })}
      >
        ⇅
      </button>
    </span>
  );
}
