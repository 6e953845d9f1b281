// Input for a process, as text or as bytes.

export function inputOf({
  data,
  data_base64,
}: {
  readonly data?: string | null | undefined
  readonly data_base64?: string | null | undefined
}): Uint8Array {
  return data_base64 == null ? Buffer.from(data ?? '') : Buffer.from(data_base64, 'base64')
}
