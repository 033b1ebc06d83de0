"""Whole conversations: talkers kept apart from beginning to end, however many they are.

A network that separates tells apart who speaks at the same time, window by window, in stems that may change places at every
silence. Here the stems of the whole recording are listened to once more: who speaks when is found by level, voices by
vectors, and each stretch of each stem is led to the track of its talker.
"""

from winnow.engine.conversation.talkers import Found, find_talkers, talkers_of
from winnow.engine.conversation.timeline import Timeline

__all__ = ["Found", "Timeline", "find_talkers", "talkers_of"]
