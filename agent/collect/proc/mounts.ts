/** One mount, as in /proc/self/mountinfo. */
export type Mount = {
  readonly device: string;
  /** The part of the file system that is mounted, `/` as a rule. */
  readonly root: string;
  readonly mountPoint: string;
  readonly fsType: string;
  /** Options of the mount and of the file system together. */
  readonly options: ReadonlySet<string>;
};

/** Mounts beyond this are not looked at. */
const MOUNTS_MAX = 10_000;

/** Reads mountinfo. Lines of another form are left out. Source: proc_pid_mountinfo(5). */
export function parseMountinfo(text: string): Mount[] {
  return parseLines(text, (fields) => {
    // Between the mount's options and the dash stands any number of optional fields.
    const dash = fields.indexOf("-", 6);
    const [, , , root, mountPoint, options] = fields;
    const [fsType, device, superOptions] = dash < 0 ? [] : fields.slice(dash + 1);
    if (root === undefined || mountPoint === undefined || fsType === undefined) return null;
    return mountOf([device, root, mountPoint, fsType], `${options},${superOptions ?? ""}`);
  });
}

/** Reads /proc/mounts, which does not tell the mounted part. Source: fstab(5). */
export function parseMounts(text: string): Mount[] {
  return parseLines(text, ([device, mountPoint, fsType, options]) => {
    if (mountPoint === undefined || fsType === undefined) return null;
    return mountOf([device, "/", mountPoint, fsType], options ?? "");
  });
}

function parseLines(text: string, parse: (fields: readonly string[]) => Mount | null): Mount[] {
  const mounts: Mount[] = [];
  for (const line of text.split("\n", MOUNTS_MAX)) {
    const mount = parse(line.split(" "));
    if (mount !== null) mounts.push(mount);
  }
  return mounts;
}

type MountFields = readonly [
  device: string | undefined,
  root: string,
  mountPoint: string,
  fsType: string,
];

function mountOf([device, root, mountPoint, fsType]: MountFields, options: string): Mount {
  return {
    device: unescapeOctal(device ?? ""),
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    fsType,
    options: new Set(options.split(",")),
  };
}

/** Space, tab, newline, backslash and hash are written as `\040` and so on. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
