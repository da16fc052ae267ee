CHANGE = {"canary": {}, "whole": {}, "callers": {}, "callees": {}}
NONE = {}
