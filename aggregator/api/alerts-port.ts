import type { Delivery, PostedAlert, ShownAlert, ShownGroup } from "../model/notification.ts";
import type { PostedSilence, Silence } from "../model/silence.ts";

/** What alerts, silences and notifications are to those who ask. Times are Unix milliseconds. */

export type AlertsPort = {
  /** By fingerprint. */
  alerts(): readonly ShownAlert[];
  /** By receiver, then labels. */
  groups(): readonly ShownGroup[];
  /** Whether an alert with these labels would go to a receiver; by name, in the order of the file. */
  receivers(): readonly string[];
  /** The routing file as it was read, without secrets; "" without one. */
  configText(): string;
  /** @throws OperationalError STORAGE, LIMIT */
  post(alerts: readonly PostedAlert[]): Promise<void>;

  /** All that are kept, newest first. */
  silences(): readonly Silence[];
  /**
   * Its id; another one where the old silence could not be changed.
   * @throws OperationalError QUERY, NOT_FOUND when there is none of its id, STORAGE, LIMIT
   */
  setSilence(silence: PostedSilence): Promise<string>;
  /** False where there is none of this id. @throws OperationalError QUERY when it has ended, STORAGE */
  expireSilence(id: string): Promise<boolean>;

  /** Newest first, at most so many. @throws OperationalError STORAGE */
  deliveries(limit: number): Promise<readonly Delivery[]>;
};
