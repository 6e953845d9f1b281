// Text that came from a machine, for a person's terminal.

/** White space is one blank, control characters are gone: nothing of it moves the cursor or begins a line. */
export const oneLine = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, ' ').trim()

/** For a shell: as it is when it is plain, else in quotes. */
export const shellWord = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`)
