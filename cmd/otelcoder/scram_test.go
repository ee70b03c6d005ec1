package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
)

// TestScramVerifier checks that the verifier of the example in RFC 7677 accepts the client's
// proof and produces the server's signature.
func TestScramVerifier(t *testing.T) {
	const (
		salt    = "W22ZaJ0SNY7soEsUEjb6gQ=="
		nonce   = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
		message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" + nonce + ",s=" + salt + ",i=4096,c=biws,r=" + nonce
		proof   = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
		answer  = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
	)
	decode := func(text string) []byte {
		t.Helper()
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	verifier, err := scramVerifier("pencil", decode(salt))
	if err != nil {
		t.Fatal(err)
	}
	keys, ok := strings.CutPrefix(verifier, "SCRAM-SHA-256$4096:"+salt+"$")
	stored, server, both := strings.Cut(keys, ":")
	if !ok || !both {
		t.Fatalf("got the verifier %s", verifier)
	}
	sign := func(key []byte) []byte {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(message))
		return mac.Sum(nil)
	}
	client := decode(proof)
	for i, b := range sign(decode(stored)) {
		client[i] ^= b
	}
	if sum := sha256.Sum256(client); base64.StdEncoding.EncodeToString(sum[:]) != stored {
		t.Errorf("the stored key %s refuses the proof", stored)
	}
	if got := base64.StdEncoding.EncodeToString(sign(decode(server))); got != answer {
		t.Errorf("got the signature %s, want %s", got, answer)
	}
}
