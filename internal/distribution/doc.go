// Package distribution holds what a release is made of against itself.
package distribution
