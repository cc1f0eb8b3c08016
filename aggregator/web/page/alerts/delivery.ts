/** One notification, as `telltale notifications --output json` has it. */
export type Delivery = {
  readonly time: string;
  readonly receiver: string;
  readonly integration: string;
  readonly outcome: "waiting" | "delivered" | "rejected" | "expired" | "collapsed";
  readonly firing: number;
  readonly resolved: number;
  readonly answer: string;
  readonly attempts: number;
  readonly waitedSeconds: number;
  readonly groupKey: string;
};
