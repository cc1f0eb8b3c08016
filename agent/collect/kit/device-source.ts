import type { BackgroundSource } from "../background.ts";
import type { BackgroundFiles, ListedName } from "./background-files.ts";
import type { Reading } from "./reading.ts";

const DEVICES_MAX = 1000;
const NAMES_MAX = 1000;

/** The directory of a device in /sys. */
export class Device {
  readonly name: string;
  readonly path: string;
  readonly files: BackgroundFiles;

  constructor(name: string, path: string, files: BackgroundFiles) {
    this.name = name;
    this.path = path;
    this.files = files;
  }

  /** Of an attribute. */
  text(attribute: string): Promise<string | null> {
    return this.files.text(`${this.path}/${attribute}`);
  }

  /** As `text`, remembered. */
  constant(attribute: string): Promise<string | null> {
    return this.files.constant(`${this.path}/${attribute}`);
  }

  /** What is in its directory, remembered. */
  names(): Promise<readonly ListedName[]> {
    return this.files.names(this.path, NAMES_MAX);
  }
}

/** Reads each device that is in a directory below /sys, such as `class/nvme`. */
export function deviceSource(
  name: string,
  directory: string,
  read: (device: Device, reading: Reading) => Promise<void>,
): (sys: string) => BackgroundSource {
  return (sys) => ({
    name,
    read: async (files, reading) => {
      const root = `${sys}/${directory}`;
      for (const device of (await files.devices(root, DEVICES_MAX)) ?? []) {
        await read(new Device(device, `${root}/${device}`, files), reading);
      }
    },
  });
}
