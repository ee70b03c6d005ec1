package render

import "hash/crc32"

// combine returns the CRC-32 of two concatenated texts from the CRC-32 of each and
// the length n of the second. It saves computing the CRC of an answer over all of its
// text.
//
// A CRC is linear over GF(2): appending n zero bytes to a text multiplies its
// CRC by x^(8n) modulo the polynomial, and the CRC of the second text is then
// added. The power is computed by squaring.
func combine(first, second uint32, n int) uint32 {
	shift := uint32(1 << 31)  // x^0; the highest bit is the lowest power
	square := uint32(1 << 23) // x^8: one byte
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			shift = multiply(shift, square)
		}
		square = multiply(square, square)
	}
	return multiply(first, shift) ^ second
}

// multiply multiplies two polynomials modulo the CRC-32 polynomial. The lowest bit is
// the highest power.
func multiply(a, b uint32) uint32 {
	var product uint32
	for bit := uint32(1 << 31); bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry == 1 {
			b ^= crc32.IEEE
		}
	}
	return product
}
