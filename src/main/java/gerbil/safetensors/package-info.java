/** The safetensors file format, and nothing else. */
package gerbil.safetensors;
