// Package frame is the unit on the wire between host and agent, and the joining of frames into messages. The byte
// layout is stated in packages/guest-protocol/PROTOCOL.md; nothing here knows what a frame says.
package frame

import "encoding/binary"

const (
	HeaderBytes  = 24
	TrailerBytes = 4
	// MaxPayload is the largest payload of one frame.
	MaxPayload = 32 << 10
	// MaxMessage is the largest message that may be joined from frames that carry FlagMore.
	MaxMessage = 4 << 20
	// FlagMore says that the message goes on in the next frame of this stream and kind.
	FlagMore = 0x01

	magic = 0x4e534631 // "NSF1"
)

// Frame as read. Payload aliases the reader's buffer: it is valid until the next call of the reader.
type Frame struct {
	Session uint64
	Stream  uint32
	Kind    uint8
	Flags   uint8
	Payload []byte
}

// Seal writes header and trailer around n payload bytes that already stand at buf[HeaderBytes:], so that output can
// be read from a pipe straight into its frame. It returns the whole frame.
func Seal(buf []byte, session uint64, stream uint32, kind, flags uint8, n int) []byte {
	buf = buf[:HeaderBytes+n+TrailerBytes]
	binary.BigEndian.PutUint32(buf, magic)
	binary.BigEndian.PutUint64(buf[4:], session)
	binary.BigEndian.PutUint32(buf[12:], stream)
	buf[16], buf[17], buf[18], buf[19] = kind, flags, 0, 0
	binary.BigEndian.PutUint32(buf[20:], uint32(n))
	binary.BigEndian.PutUint32(buf[HeaderBytes+n:], ^uint32(session))
	return buf
}

// AppendMessage appends the frames of one message, as many as its payload needs.
func AppendMessage(dst []byte, session uint64, stream uint32, kind uint8, payload []byte) []byte {
	for {
		part, flags := payload, uint8(0)
		if len(part) > MaxPayload {
			part, flags = part[:MaxPayload], FlagMore
		}
		payload = payload[len(part):]
		at, size := len(dst), HeaderBytes+len(part)+TrailerBytes
		for cap(dst)-at < size {
			dst = append(dst[:cap(dst)], 0)
		}
		dst = dst[:at+size]
		copy(dst[at+HeaderBytes:], part)
		Seal(dst[at:], session, stream, kind, flags, len(part))
		if flags == 0 {
			return dst
		}
	}
}
