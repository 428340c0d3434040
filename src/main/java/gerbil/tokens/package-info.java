/**
 * From documents to token ids on disk: the preparation of a corpus on one machine or many, and token sets, folders of
 * uint16 shards.
 */
package gerbil.tokens;
