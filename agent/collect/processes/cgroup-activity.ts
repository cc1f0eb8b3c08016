/** What whoever reads the cgroups knows of one. */
export type CgroupActivity = {
  /** Absolute, in the hierarchy in which cgroups are looked for, the host root before it. */
  readonly directory: string;
  /** Label `container` of the processes in it and below; "" where it is no container. */
  readonly containerName: string;
  /** CPU time used so far, in milliseconds; negative: not known. */
  readonly cpuMs: number;
};

/** Asked once a run. */
export type ReadActivity = () => Iterable<CgroupActivity>;
