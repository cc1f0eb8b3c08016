import type { Change } from "../../overview-shape.ts";
import { formatDuration, formatMoment } from "../format.ts";
import { clockMs } from "../overview-store.ts";
import { locale, words } from "../settings.ts";
import { containerPath, nodePath } from "../view.ts";

type ListProps = {
  changes: readonly Change[];
  title: string;
  /** The list stands where it is clear whose changes they are. */
  isOfOne?: true;
};

/** What changed, newest first; nothing at all where nothing did. */
export function ChangeList({ changes, title, isOfOne }: ListProps) {
  if (changes.length === 0) return null;
  return (
    <ul class="changes" aria-label={title}>
      {changes.map((change) => (
        <ChangeRow
          key={`${change.node}\n${change.name}\n${change.kind}\n${change.timeMs}`}
          change={change}
          isOfOne={isOfOne === true}
        />
      ))}
    </ul>
  );
}

function ChangeRow({ change, isOfOne }: { change: Change; isOfOne: boolean }) {
  const { timeMs, kind, node, name, image, before, count } = change;
  const w = words.value;
  const images = before !== "" && before !== image ? `${before} → ${image}` : image;
  return (
    <li class={`change change-${kind}`}>
      <time class="quiet number" title={formatMoment(locale.value, timeMs)}>
        {formatDuration(locale.value, clockMs.value - timeMs)}
      </time>
      <span class="change-kind">
        {w.changeKinds[kind]}
        {count > 1 ? ` ×${count}` : ""}
      </span>
      {isOfOne ? null : (
        <span class="change-of">
          {name === "" ? null : (
            <>
              <a href={containerPath(node, name)} title={name}>
                <bdi>{name}</bdi>
              </a>{" "}
            </>
          )}
          <a class={name === "" ? "" : "quiet"} href={nodePath(node)} title={node}>
            <bdi>{node}</bdi>
          </a>
        </span>
      )}
      {kind === "image" ? (
        <bdi class="change-image quiet" title={images}>
          {images}
        </bdi>
      ) : null}
    </li>
  );
}
