import type { Matcher } from "../../shared/model/columns.ts";
import type { Labels } from "../../shared/model/labels.ts";
import type {
  Delivery,
  PostedAlert,
  Preview,
  ShownAlert,
  ShownGroup,
  TestAnswer,
} from "../model/notification.ts";
import type { PostedSilence, Silence } from "../model/silence.ts";

/** What alerts, silences and notifications are to those who ask. Times are Unix milliseconds. */

export type AlertsPort = {
  /** By fingerprint. */
  alerts(): readonly ShownAlert[];
  /** Those that alerts of rules get beside their own. */
  externalLabels(): Labels;
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

  /**
   * Somebody sees to the alerts that fire and match; gives how many.
   * @throws OperationalError QUERY, LIMIT, STORAGE
   */
  acknowledge(
    matchers: readonly Matcher[],
    by: { readonly createdBy: string; readonly comment: string },
  ): Promise<number>;
  /**
   * Sends a test through all integrations of the receiver.
   * @param createdBy who asks for it
   * @throws OperationalError NOT_FOUND
   */
  testReceiver(receiver: string, createdBy: string): Promise<readonly TestAnswer[]>;
  /**
   * @param labels of an alert of a rule
   * @param receiver whose messages are given; null: none
   * @throws OperationalError NOT_FOUND
   */
  preview(labels: Labels, receiver: string | null): Promise<Preview>;
};
