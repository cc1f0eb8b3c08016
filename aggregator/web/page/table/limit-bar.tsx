import { formatShare } from "../format.ts";
import { locale, words } from "../settings.ts";

const LOOK_FROM = 0.8;
const BAD_FROM = 0.95;

/** How much of what it may use something uses. */
export function LimitBar({ share }: { share: number | null }) {
  if (share === null) return <span class="quiet">{words.value.noLimit}</span>;
  const level = levelOf(share);
  return (
    <span class={`bar level-${level}`}>
      <span class="bar-room" aria-hidden="true">
        <span class="bar-fill" style={{ width: `${Math.min(100, share * 100)}%` }} />
      </span>
      <span class="number">{formatShare(locale.value, share)}</span>
    </span>
  );
}

/** A number over a line that says how much of a limit it is; without a limit there is no line. */
export function ShareMark({ share, text }: { share: number | null; text: string }) {
  if (share === null) return <span class="share-mark">{text}</span>;
  const level = levelOf(share);
  const title = `${formatShare(locale.value, share)} ${words.value.ofLimit}`;
  return (
    <span class={`share-mark level-${level}`} title={title}>
      {text}
      <span class="share-line" aria-hidden="true">
        <span class="bar-fill" style={{ width: `${Math.min(100, share * 100)}%` }} />
      </span>
    </span>
  );
}

function levelOf(share: number): "full" | "high" | "good" {
  return share >= BAD_FROM ? "full" : share >= LOOK_FROM ? "high" : "good";
}
