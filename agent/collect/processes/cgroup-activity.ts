/** What whoever reads the cgroups knows of one. */
export type CgroupActivity = {
  /** Absolute, in the hierarchy in which cgroups are looked for, the host root before it. */
  readonly directory: string;
  /** Label `container` of the processes in it and below; "" where it is no container. */
  readonly containerName: string;
  /** CPU time used so far, in any unit; negative: not known. While it stands still nothing ran. */
  readonly cpuUsage: number;
};

/** Asked once a run. */
export type ReadActivity = () => Iterable<CgroupActivity>;
