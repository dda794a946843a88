// Package encode writes components: it is the inverse of the decoder in
// package binary, from the same syntax tree. What it is given is written as it
// stands; whether that is valid is asked of package validate.
package encode
