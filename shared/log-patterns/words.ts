// What English, and the habits of those who write log lines, say about single words.

const set = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Severities, where they stand by themselves or in brackets; compared in upper case. */
export const LEVELS = set(`
  TRACE DEBUG DBG INFO INFORMATION NOTICE WARN WARNING ERR ERROR SEVERE CRIT CRITICAL ALERT EMERG
  FATAL PANIC FAILURE FINE FINER FINEST CONFIG LOG STATEMENT DETAIL HINT CONTEXT QUERY
`);

/** Severities of one letter, as logcat and klog write them. */
export const LETTER_LEVELS = set("V D I W E F");

export const ZONES = set("UTC GMT Z AM PM CET CEST EST EDT PST PDT");

/** Days and months: beside a number they are part of a time. */
export const CALENDAR = set(`
  Mon Tue Wed Thu Fri Sat Sun Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec
`);

/** A number and one of these are one variable: which of them is chosen depends on the number. */
export const UNITS = set(`
  B KB MB GB TB KiB MiB GiB TiB kB us ms sec secs second seconds min mins minute minutes hour hours
`);

export const BOOLEANS = set("true false True False TRUE FALSE");

export const NOTHINGS = set("null none nil None NULL nullptr undefined");

/** What follows one of these is a name, whatever it looks like; compared in lower case. */
export const NAME_KEYS = set(`
  user username uid login account host hostname rhost ruser logname client peer server database
  name role topic queue exchange vhost owner group package file
`);

/** What follows one of these is often a name. */
export const PREPOSITIONS = set(
  "for from by to on at via in interface process device module service",
);

/**
 * Words that say what happened: two lines that differ in one of these are different events, however
 * many others there are in the same place. Compared in lower case.
 */
export const EVENT_WORDS = set(`
  get post put delete
  start starting started stop stopping stopped begin beginning began end ending ended
  open opening opened close closing closed create creating created remove removing removed
  add adding added drop dropping dropped load loading loaded unload unloading unloaded
  read reading write writing written send sending sent receive receiving received
  connecting connected disconnecting disconnected accept accepted accepting reject rejected deny
  denied allow allowed enable enabled disable disabled fail failed failing failure success
  succeeded successful successfully complete completed finish finished abort aborted cancel
  cancelled up down online offline register registered unregister unregistered
  allocate allocated free freed lock locked unlock unlocked acquire acquired release released
  pause paused resume resumed suspend suspended exit exited kill killed timeout timed
  install installed upgrade upgraded configure configured unpack unpacked half-installed
  half-configured purge not no is was are were can cannot
`);

/** What these name says what happened, whatever the quotes; compared in lower case. */
export const MESSAGE_KEYS = set(`
  msg message event action error err exception reason text body log method operation op level
  severity status state request
`);
